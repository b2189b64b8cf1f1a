// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"
	"io"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// Now is what happens in a room at the moment.
type Now struct {
	Room       id.Room
	Meeting    id.Meeting
	Inside     int // people really inside
	Seated     int // people with a seat: inside, on the way in, or cut off and awaited
	Waiting    int // at the door, for a moderator
	Since      instant.Instant
	DeadlineAt instant.Instant // none is never
}

// RunningIn returns what runs in the given rooms; rooms where nothing runs are absent. One query for each 64 rooms. It joins r.
func RunningIn(ctx context.Context, r store.Reader, in []id.Room) (map[id.Room]Now, error) {
	return nowIn(ctx, r, in)
}

// RoomsStream tells a page with a list of rooms when something changes in one of them. Close it.
type RoomsStream struct {
	s     *Service
	bell  <-chan struct{}
	close func()
}

// FollowRooms begins such a stream: Next waits for the first change from now on.
func (s *Service) FollowRooms(in []id.Room) *RoomsStream {
	rs := &RoomsStream{s: s}
	rs.bell, rs.close = s.doors.listen(in...)
	return rs
}

// Close ends the stream.
func (rs *RoomsStream) Close() { rs.close() }

// Next waits until something has changed in one of the rooms: who is inside, who waits, whether a meeting runs. Changes
// that come together may be one. It returns io.EOF when the service stops.
func (rs *RoomsStream) Next(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-rs.s.doors.stopped:
		return io.EOF
	case <-rs.bell:
		return nil
	}
}
