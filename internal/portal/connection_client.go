// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import "meetcoop/internal/membership"

// recipe says where one application wants the endpoint and the secret. Secret is nil where it is not shown.
type recipe struct {
	Name     string
	Where    string
	Endpoint CopyField
	Secret   *CopyField
	Note     string // may be empty
}

// client is an application that speaks the BigBlueButton API. Its settings are called as in its own documentation and sources:
// Greenlight v3 adds "api" itself where it is missing (config/application.rb of github.com/bigbluebutton/greenlight); the others put
// "api/" behind what they are given, so theirs ends with a slash: settings of mod_bigbluebuttonbn in Moodle, app values api.url and
// api.secret of github.com/sualko/cloud_bbb, options bigbluebutton_url and bigbluebutton_salt of the WordPress plugin, and the
// page Servers of github.com/THM-Health/PILOS.
type client struct {
	key, name        string
	endpoint, secret string // names of the settings
	root             bool   // wants the address without "api"
}

var clients = []client{
	{key: "greenlight", name: "Greenlight", endpoint: "BIGBLUEBUTTON_ENDPOINT", secret: "BIGBLUEBUTTON_SECRET"},
	{key: "moodle", name: "Moodle", endpoint: "bigbluebuttonbn_server_url", secret: "bigbluebuttonbn_shared_secret", root: true},
	{key: "nextcloud", name: "Nextcloud", endpoint: "api.url", secret: "api.secret", root: true},
	{key: "wordpress", name: "WordPress", endpoint: "bigbluebutton_url", secret: "bigbluebutton_salt", root: true},
	{key: "pilos", name: "PILOS", endpoint: "base_url", secret: "secret", root: true},
}

// recipes are the instructions for a connection; secret "" leaves the secret out.
func (h *Handler) recipes(r *Request, c membership.Connection, secret string) []recipe {
	out := make([]recipe, 0, len(clients))
	for _, k := range clients {
		address := h.endpoint(c.Name)
		if k.root {
			address = h.root(c.Name)
		}
		v := recipe{
			Name: k.name, Where: r.P.T("connections.client." + k.key),
			Endpoint: CopyField{ID: k.key + "-endpoint", Label: k.endpoint, Value: address},
		}
		if secret != "" {
			v.Secret = &CopyField{ID: k.key + "-secret", Label: k.secret, Value: secret, Secret: true}
		} else {
			v.Note = r.P.T("connections.secret_again", map[string]any{"Setting": k.secret})
		}
		out = append(out, v)
	}
	return out
}

// root is the address of a connection as BigBlueButton prints that of a server.
func (h *Handler) root(name string) string { return h.PublicURL + "/bbb/" + name + "/bigbluebutton/" }

// endpoint is the address of the API of a connection.
func (h *Handler) endpoint(name string) string { return h.root(name) + "api" }
