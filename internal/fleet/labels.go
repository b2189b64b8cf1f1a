// SPDX-License-Identifier: AGPL-3.0-or-later

package fleet

import (
	"strings"

	"meetcoop/internal/id"
)

// Labels says what servers are called in metrics: by their names, and those that are called the same by name and id. Two servers under one
// label would be one, and Prometheus refuses a whole scrape for that, as it does for a label that is no text. Whoever shows figures asks
// with all servers there are, whichever it shows, so that a server has one label everywhere.
//
// Example: bbb-1, bbb-1 (srv_b) and bbb-2 are "bbb-1 srv_a", "bbb-1 srv_b" and "bbb-2".
func Labels(all []Server) map[id.Server]string {
	out := make(map[id.Server]string, len(all))
	for _, s := range all {
		out[s.ID] = strings.ToValidUTF8(s.Name, "\ufffd")
	}
	for twice := true; twice; { // once more than there are names that look like a name and an id
		called := map[string]int{}
		for _, label := range out {
			called[label]++
		}
		twice = false
		for server, label := range out {
			if called[label] > 1 {
				out[server] = label + " " + string(server)
				twice = true
			}
		}
	}
	return out
}
