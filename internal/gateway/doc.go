// SPDX-License-Identifier: AGPL-3.0-or-later

// Package gateway is the BigBlueButton API towards clients: /bbb/{connection}/bigbluebutton/api/...
//
// It owns the checksum over the raw query, the reading and checking of parameters, the forms of answers (XML, JSON, redirects),
// and which key of the API a fault becomes. It holds no rule and no SQL: meetings are conference's, connections membership's.
//
// What holds for every answer:
//   - Status 200 for success and for errors of the API alike, as clients throw at anything else before they read the key; 302
//     after a join; 404 for paths that are no calls.
//   - An endpoint that does not exist, or was revoked, answers as a wrong checksum does, byte for byte and after the same work.
//   - A failed checksum never redirects, and nothing of a request is logged above debug but its call and outcome.
//
// It serves requests before any router: a path below /bbb/ is never cleaned or redirected, since signatures are over what was sent.
package gateway
