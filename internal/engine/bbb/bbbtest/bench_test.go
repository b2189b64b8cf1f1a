// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"
)

// BenchmarkServing measures calls of one server over loopback, with 10,000 meetings on it; the client writes raw requests, so
// that it costs little beside. The simulator must serve 20,000/s (gateway.md D1).
func BenchmarkServing(b *testing.B) {
	r := Start(b, Config{})
	for i := range 10_000 {
		r.locked(func(now time.Time) {
			r.open(&meeting{external: fmt.Sprintf("coop-%d", i), nobodyCame: 1 << 60}, now)
		})
	}
	for _, call := range []string{"isMeetingRunning", "getMeetingInfo"} {
		b.Run(call, func(b *testing.B) {
			query := "meetingID=coop-77"
			request := fmt.Sprintf("GET %s/%s?%s&checksum=%s HTTP/1.1\r\nHost: x\r\n\r\n", apiPath, call, query, Checksum(sha256.New, call, query, r.Secret()))
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				conn, err := net.Dial("tcp", r.Addr())
				if err != nil {
					b.Error(err)
					return
				}
				defer func() { _ = conn.Close() }()
				in := bufio.NewReader(conn)
				for pb.Next() {
					if _, err := io.WriteString(conn, request); err != nil {
						b.Error(err)
						return
					}
					res, err := http.ReadResponse(in, nil)
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, res.Body)
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}

// BenchmarkFiveHundredServers measures what they take in memory once each has answered with one meeting; less than 300 MB
// (gateway.md D1).
func BenchmarkFiveHundredServers(b *testing.B) {
	for range b.N {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for range 500 {
			r := Start(b, Config{AutoConnect: true})
			c := &http.Client{}
			if _, _, err := r.get(b.Context(), c, "create", "name=AB&meetingID=coop-1"); err != nil {
				b.Fatal(err)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.Sys)/(1<<20), "MB")
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "heap-MB")
	}
}
