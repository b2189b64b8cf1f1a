// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"meetcoop/internal/web"
)

const (
	brakeFree = 20                     // failed checksums a second and network that cost nothing
	brakeWait = 250 * time.Millisecond // what each further one waits
	brakeMost = 10000                  // networks remembered
)

// brake slows down who sends many wrong checksums. It never refuses: behind one address many may sit.
type brake struct {
	mu     sync.Mutex
	second int64
	failed map[string]int
}

func newBrake() *brake { return &brake{failed: map[string]int{}} }

// press counts a failure and waits when there were too many.
func (b *brake) press(ctx context.Context, from netip.Addr) {
	now := time.Now().Unix()
	b.mu.Lock()
	if now != b.second || len(b.failed) > brakeMost {
		b.second = now
		clear(b.failed)
	}
	network := web.ClientNetwork(from)
	b.failed[network]++
	over := b.failed[network] > brakeFree
	b.mu.Unlock()
	if !over {
		return
	}
	wait := time.NewTimer(brakeWait)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
}
