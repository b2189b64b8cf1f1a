// SPDX-License-Identifier: AGPL-3.0-or-later

package fleet_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
)

func TestServersHaveLabelsOfTheirOwn(t *testing.T) {
	for _, tc := range []struct {
		name  string
		names map[id.Server]string
		want  map[id.Server]string
	}{
		{"no server", nil, map[id.Server]string{}},
		{"different names stay", map[id.Server]string{"srv_a": "bbb-1", "srv_b": "bbb-2"}, map[id.Server]string{"srv_a": "bbb-1", "srv_b": "bbb-2"}},
		{
			"the same name", map[id.Server]string{"srv_a": "bbb-1", "srv_b": "bbb-1", "srv_c": "bbb-2"},
			map[id.Server]string{"srv_a": "bbb-1 srv_a", "srv_b": "bbb-1 srv_b", "srv_c": "bbb-2"},
		},
		{"no name at all", map[id.Server]string{"srv_a": "", "srv_b": ""}, map[id.Server]string{"srv_a": " srv_a", "srv_b": " srv_b"}},
		{
			"a name that is what another one becomes", map[id.Server]string{"srv_a": "bbb-1", "srv_b": "bbb-1", "srv_c": "bbb-1 srv_a"},
			map[id.Server]string{"srv_a": "bbb-1 srv_a srv_a", "srv_b": "bbb-1 srv_b", "srv_c": "bbb-1 srv_a srv_c"},
		},
		{"names that are no text", map[id.Server]string{"srv_a": "bbb\xff", "srv_b": "bbb\xfe"}, map[id.Server]string{"srv_a": "bbb\ufffd srv_a", "srv_b": "bbb\ufffd srv_b"}},
	} {
		var all []fleet.Server
		for server, name := range tc.names {
			all = append(all, fleet.Server{ID: server, Name: name})
		}
		if diff := cmp.Diff(tc.want, fleet.Labels(all)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tc.name, diff)
		}
	}
}
