// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

// The size at which P22 promises 30 ms.
const (
	manyMembers  = 1000
	manyPeople   = 10000
	manyRooms    = 5000
	manyMeetings = 100000
)

// pageVisitor is a person of the large federation with what they look at.
type pageVisitor struct{ name, slug, room string }

// crowdIn fills the database as years of use would, and returns some owners.
func (w *town) crowdIn(visitors int) []pageVisitor {
	w.t.Helper()
	now := w.Clock.Now()
	insert := func(head string, cols int, rows func(add func(...any))) {
		bulk := store.NewRows("INSERT INTO "+head+" VALUES", cols, "")
		var args []any
		flush := func() {
			w.must(w.DB.Write(context.Background(), func(tx store.Tx) error {
				_, err := bulk.Exec(context.Background(), tx, args)
				return err
			}))
			args = args[:0]
		}
		rows(func(row ...any) {
			args = append(args, row...)
			if len(args) >= 2000*cols {
				flush()
			}
		})
		flush()
	}
	members, connections := make([]string, manyMembers), make([]string, manyMembers)
	people, places, held := make([]string, manyPeople), make([]string, manyPeople), make([]string, manyRooms)
	meetings := make([]string, manyMeetings)
	for i := range members {
		members[i], connections[i] = string(id.NewMember()), string(id.NewConnection())
	}
	for i := range people {
		people[i], places[i] = string(id.NewPerson()), string(id.NewAffiliation())
	}
	for i := range held {
		held[i] = string(id.NewRoom())
	}
	for i := range meetings {
		meetings[i] = string(id.NewMeeting())
	}
	address := func(i int) string { return fmt.Sprintf("p%d@people.example", i) }
	slug := func(i int) string { return fmt.Sprintf("amber-oak-%d", 1000+i) }
	began := func(i int) any { return now.Add(-time.Duration(i%8000)*time.Hour - time.Hour) }
	insert("person (id, subject, name, locale, zone, theme, status, created_at)", 8, func(add func(...any)) {
		for i, p := range people {
			add(p, p, fmt.Sprint("Person ", i), "en", "Europe/Madrid", "system", "active", now)
		}
	})
	insert("person_email (id, person, address, address_key, verified_at, is_primary)", 6, func(add func(...any)) {
		for i, p := range people {
			add(string(id.NewEmail()), p, address(i), address(i), now, true)
		}
	})
	insert("member (id, slug, name, name_folded, kind, individual, legal_form, country, zone, locale, created_at)", 11, func(add func(...any)) {
		for i, m := range members {
			add(m, fmt.Sprint("many-", i), fmt.Sprint("Many ", i), fmt.Sprint("many ", i), "user", false, "", "", "Europe/Madrid", "en", now)
		}
	})
	insert("connection (id, member, kind, name, created_at)", 5, func(add func(...any)) {
		for i, m := range members {
			add(connections[i], m, "portal", "portal", now)
		}
	})
	insert("member_count (member, owners, hosts)", 3, func(add func(...any)) {
		for _, m := range members {
			add(m, 1, 1)
		}
	})
	insert("room_count (member, open)", 2, func(add func(...any)) {
		for _, m := range members {
			add(m, manyRooms/manyMembers)
		}
	})
	insert("affiliation (id, member, person, name, status, source, created_at, accepted_at, end_reason)", 9, func(add func(...any)) {
		for i, p := range people {
			add(places[i], members[i%manyMembers], p, "", "active", "self", now, now, "")
		}
	})
	insert("affiliation_role (affiliation, role, source)", 3, func(add func(...any)) {
		for i, a := range places {
			if i < manyMembers {
				add(a, "owner", "self")
				add(a, "host", "self")
				continue
			}
			add(a, "member", "self")
		}
	})
	insert("room (id, member, owner, slug, name, access_code, waiting_room, may_start, may_enter, mute_on_entry, pinned, version, created_at, last_used_at)", 14, func(add func(...any)) {
		for i, r := range held {
			add(r, members[i%manyMembers], people[i%manyMembers], slug(i), fmt.Sprint("Room ", i), "", false, "hosts", "anyone", false, false, 1, now, began(i))
		}
	})
	insert("meeting (id, member, connection, external_id, room, state, started_at, asked_us, reserve, kept, started_by, ended_at, end_reason)", 13, func(add func(...any)) {
		for i, m := range meetings {
			r := i % manyRooms
			add(m, members[r%manyMembers], connections[r%manyMembers], held[r], held[r], "ended", began(i), 0, 0, 0, "", now.Add(-time.Duration(i%8000)*time.Hour), "host")
		}
	})
	insert("meeting_count (meeting, people, moderators, peak, seconds)", 5, func(add func(...any)) {
		for i, m := range meetings {
			add(m, 0, 0, i%20, 3600)
		}
	})
	insert("usage_fact (member, at, id, connection, meeting, kind, n, code)", 8, func(add func(...any)) {
		for i, m := range meetings {
			k := (i % manyRooms) % manyMembers
			add(members[k], began(i), string(id.NewUsage()), connections[k], m, "ended", 3600, "host")
			add(members[k], began(i), string(id.NewUsage()), nil, nil, "peak", i%20, "")
		}
	})
	if w.DB.Engine() == store.Postgres {
		_, err := w.DB.Raw().ExecContext(context.Background(), "ANALYZE")
		w.must(err)
	}
	out := make([]pageVisitor, visitors)
	for i := range out {
		out[i] = pageVisitor{address(i), fmt.Sprint("many-", i), slug(i)}
	}
	return out
}

// spent is the processor time of this process: it tells what a page costs also on a machine that is busy otherwise.
func spent(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPages asks for pages at 200 a second, whatever the answers take, and reports the 95th percentile from when
// each was due. It is no part of make test:
//
//	go test ./internal/portal -run '^$' -bench Pages -benchtime 1000x
func BenchmarkPages(b *testing.B) {
	const perSecond, visitors = 200, 20
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		b.Run(string(engine), func(b *testing.B) {
			w := newTown(b, storetest.New(b, engine), townOptions{})
			seen := w.crowdIn(visitors)
			browsers := make([]*browser, visitors)
			for i, v := range seen {
				link, err := w.people.SignInLink(b.Context(), identity.Operator(), v.name)
				w.must(err)
				browsers[i] = w.browser()
				browsers[i].post(link[len("http://localhost"):], nil)
			}
			for name, path := range map[string]func(v pageVisitor) string{
				"rooms": func(pageVisitor) string { return "/rooms" },
				"usage": func(v pageVisitor) string { return "/m/" + v.slug + "/usage" },
				"room":  func(v pageVisitor) string { return "/r/" + v.room },
			} {
				b.Run(name, func(b *testing.B) {
					for i, v := range seen {
						if got := browsers[i].get(path(v)); got.status != 200 {
							b.Fatalf("%s: %d", path(v), got.status)
						}
					}
					took := make([]time.Duration, b.N)
					var all sync.WaitGroup
					begin, cpu := time.Now(), spent(b)
					b.ResetTimer()
					for i := range b.N {
						due := begin.Add(time.Duration(i) * time.Second / perSecond)
						time.Sleep(time.Until(due))
						all.Go(func() {
							who := browsers[i%visitors]
							r := httptest.NewRequest("GET", path(seen[i%visitors]), nil)
							for _, c := range who.jar {
								r.AddCookie(c)
							}
							w.handler.ServeHTTP(httptest.NewRecorder(), r)
							took[i] = time.Since(due)
						})
					}
					all.Wait()
					b.StopTimer()
					b.ReportMetric(float64((spent(b)-cpu).Microseconds())/1000/float64(b.N), "cpu-ms/page")
					slices.Sort(took)
					b.ReportMetric(float64(took[b.N/2].Microseconds())/1000, "p50-ms")
					b.ReportMetric(float64(took[b.N*95/100].Microseconds())/1000, "p95-ms")
				})
			}
		})
	}
}
