// SPDX-License-Identifier: AGPL-3.0-or-later

// Package web holds what every HTTP face needs and none should write twice: the server with its
// time-outs and certificates, the middleware, cookies, event streams and built files.
//
// It owns: who is believed about the client's address, which Host names are ours, what browsers are
// told by headers, the status of each kind of fault.
// It does not own: routes, pages, sessions. It knows neither people nor members.
//
// The order of the middleware, outermost first (see Chain): Identify, Client, Log, Recover, Secure,
// Languages, Hosts, Origin, LimitBody, Compress; around the mux itself stands Routed, which tells Log
// the pattern. Sockets and event streams pass all of it.
package web
