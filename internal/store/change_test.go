// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func seqs(rows []changeRow) []int64 {
	out := []int64{}
	for _, r := range rows {
		out = append(out, r.seq)
	}
	return out
}

func rows(numbers ...int64) []changeRow {
	out := []changeRow{}
	for _, n := range numbers {
		out = append(out, changeRow{seq: n})
	}
	return out
}

func TestSightingsKeepTheFloorBelowWhatMayStillCome(t *testing.T) {
	start := time.Date(2027, 1, 12, 9, 0, 0, 0, time.UTC)
	type read struct {
		after time.Duration
		rows  []changeRow
		h     horizon
		fresh []int64
		floor int64
	}
	for name, reads := range map[string][]read{
		"SQLite numbers are settled when seen": {
			{0, rows(1, 2), horizon{}, []int64{1, 2}, 2},
			{time.Second, rows(3), horizon{}, []int64{3}, 3},
		},
		"a late neighbour is told once, below one that was told": {
			{0, rows(2), horizon{oldest: 10, next: 12}, []int64{2}, 0},
			{time.Second, rows(1, 2), horizon{oldest: 12, next: 12}, []int64{1}, 0},
			{settleAfter - 1, rows(1, 2), horizon{oldest: 12, next: 12}, []int64{}, 0}, // 1 is not old enough
			{1, rows(1, 2), horizon{oldest: 12, next: 12}, []int64{}, 2},
		},
		"a transaction that runs for long holds the floor": {
			{0, rows(2), horizon{oldest: 10, next: 12}, []int64{2}, 0},
			{2 * settleAfter, rows(2), horizon{oldest: 10, next: 20}, []int64{}, 0},
			{time.Second, rows(1, 2), horizon{oldest: 20, next: 20}, []int64{1}, 0},
			{2 * settleAfter, rows(1, 2), horizon{oldest: 20, next: 20}, []int64{}, 2},
		},
		"but not longer than one of ours can be": {
			{0, rows(2), horizon{oldest: 10, next: 12}, []int64{2}, 0},
			{oldestWriter, rows(2), horizon{oldest: 10, next: 20}, []int64{}, 2},
		},
		"nothing is raised by time alone within the time of one write": {
			{0, rows(2), horizon{oldest: 12, next: 12}, []int64{2}, 0},
			{settleAfter - 1, rows(2), horizon{oldest: 12, next: 12}, []int64{}, 0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, now := sightings{}, start
			for i, r := range reads {
				now = now.Add(r.after)
				if diff := cmp.Diff(r.fresh, seqs(s.sort(r.rows, r.h, now))); diff != "" {
					t.Errorf("read %d (-want +got)\n%s", i, diff)
				}
				if s.floor != r.floor {
					t.Errorf("read %d: floor %d, want %d", i, s.floor, r.floor)
				}
			}
		})
	}
}

func TestSightingsKnowWhatIsMissing(t *testing.T) {
	start := time.Date(2027, 1, 12, 9, 0, 0, 0, time.UTC)
	s := sightings{floor: 10}
	running := horizon{oldest: 1, next: 9}
	s.sort(rows(11, 12, 15), running, start)
	known, missing := s.known()
	if diff := cmp.Diff([]int64{11, 12, 15}, seqs(known)); diff != "" {
		t.Errorf("known (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"13", "14"}, missing); diff != "" {
		t.Errorf("missing (-want +got)\n%s", diff)
	}
	if n := s.holes(); n != 2 {
		t.Errorf("%d holes, want 2", n)
	}
	fresh := s.sort(append(known, rows(14, 16)...), running, start)
	if diff := cmp.Diff([]int64{14, 16}, seqs(fresh)); diff != "" {
		t.Errorf("fresh (-want +got)\n%s", diff)
	}
	if n := s.holes(); n != 1 {
		t.Errorf("%d holes, want 1", n)
	}
	ended := horizon{oldest: 9, next: 9}
	s.sort(rows(11, 12, 14, 15, 16), ended, start.Add(2*settleAfter))
	if n := s.holes(); n != 0 || s.floor != 16 {
		t.Errorf("%d holes above the floor %d, want none above 16", n, s.floor)
	}
}
