// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/store"
)

// BenchmarkManyServers measures what callers wait for at 250 calls a second while 500 servers are polled: with all of them well, from the
// moment when 50 die, fall silent or drip, and a minute after that moment (gateway.md 20: p99 with 50 dead or dripping within 10 % of
// all-healthy, the healthy ones polled within 12 s). Run it with -benchtime 15000x, a minute: failures are noticed, and meetings moved, in
// that time.
func BenchmarkManyServers(b *testing.B) {
	const servers, meetings, rate = 500, 1000, 250
	for _, when := range []struct {
		sick  int
		since time.Duration
	}{{0, 0}, {50, 0}, {50, time.Minute}, {0, 0}} {
		sick := when.sick
		b.Run(fmt.Sprintf("sick=%d/since=%s", sick, when.since), func(b *testing.B) {
			c, _, k := benchmarked(b, store.SQLite, gatewaytest.Options{
				Servers: servers, PollEvery: 10 * time.Second, DetachAfter: 30 * time.Second, Server: bbbtest.Config{AutoConnect: true},
			})
			for i := range meetings {
				k.Must("create", fmt.Sprintf("name=Room&meetingID=room-%d&attendeePW=ap&moderatorPW=mp", i))
			}
			for i, s := range c.Servers[:sick] {
				switch i % 3 {
				case 0:
					s.Kill()
				case 1:
					s.Freeze()
				default:
					if err := s.AddFault(bbbtest.Fault{Kind: bbbtest.FaultDrip, Delay: 500 * time.Millisecond}); err != nil {
						b.Fatal(err)
					}
				}
			}
			gaps := watchPolls(c.Servers[sick:])
			fresh := 0
			ask := func(i int) string {
				room := fmt.Sprintf("meetingID=room-%d", i%meetings)
				switch i % 20 {
				case 0:
					return k.URL("create", fmt.Sprintf("name=Room&meetingID=new-%d&attendeePW=ap&moderatorPW=mp", fresh+i))
				case 1, 2, 3:
					return k.URL("create", "name=Room&attendeePW=ap&moderatorPW=mp&"+room)
				case 4, 5, 6, 7:
					return k.URL("join", fmt.Sprintf("fullName=P&role=viewer&userID=u%d&%s", fresh+i, room))
				case 8, 9, 10, 11, 12:
					return k.URL("getMeetingInfo", room)
				default:
					return k.URL("isMeetingRunning", room)
				}
			}
			if n := int(when.since.Seconds() * rate); n > 0 {
				paced(b, rate, n, ask)
				fresh = n
			}
			took := pace(b, rate, ask)
			b.ReportMetric(gaps().Seconds(), "poll-gap-s")
			slices.Sort(took)
			for name, share := range map[string]float64{"p50-ms": .5, "p99-ms": .99, "p999-ms": .999, "max-ms": 1} {
				b.ReportMetric(float64(took[min(int(float64(len(took))*share), len(took)-1)].Microseconds())/1000, name)
			}
		})
	}
}

// pace measures b.N calls.
func pace(b *testing.B, rate int, of func(i int) string) []time.Duration {
	b.Helper()
	b.ResetTimer()
	defer b.StopTimer()
	return paced(b, rate, b.N, of)
}

// paced gets n addresses at a rate, each when it is due however long others take, and returns how long each took since then.
func paced(b *testing.B, rate, n int, of func(i int) string) []time.Duration {
	b.Helper()
	client := &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: callers},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	took := make([]time.Duration, n)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range n {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(due))
		wg.Go(func() {
			resp, err := client.Get(of(i))
			if err != nil {
				b.Error(err)
				return
			}
			_, err = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close() // read
			if err != nil || resp.StatusCode >= 400 {
				b.Errorf("status %d, %v", resp.StatusCode, err)
			}
			took[i] = time.Since(due)
		})
	}
	wg.Wait()
	return took
}

// watchPolls looks how often each server is asked for its meetings, until what it returns is called, which says the longest time that
// any of them was not.
func watchPolls(servers []*bbbtest.Running) (longest func() time.Duration) {
	stop, done := make(chan struct{}), make(chan time.Duration)
	go func() {
		counts, since := make([]int64, len(servers)), make([]time.Time, len(servers))
		for i := range since {
			since[i] = time.Now()
		}
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		var worst time.Duration
		for {
			for i, s := range servers {
				worst = max(worst, time.Since(since[i]))
				if n := s.Counters()["getMeetings"]; n != counts[i] {
					counts[i], since[i] = n, time.Now()
				}
			}
			select {
			case <-stop:
				done <- worst
				return
			case <-tick.C:
			}
		}
	}()
	return func() time.Duration {
		close(stop)
		return <-done
	}
}
