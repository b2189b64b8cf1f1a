// SPDX-License-Identifier: AGPL-3.0-or-later

// Package identity owns persons, their proven addresses, the ways they sign in, their sessions, the
// spam defence of open registration, and the audit trail that every capability writes to.
//
// It does not own members, affiliations or rights inside a member (membership), nor cookies, forms
// and pages (portal). What must happen elsewhere when a person is born or accepts an invitation is
// said by the interfaces [Newcomer] and [Invitee], which app connects.
//
// Sign-in by mail: SignUp or SignInStart writes a challenge, which names an address and nothing else,
// and a job. The job looks whether somebody has that address and decides which letter to send; only
// then are the link's token and the six digits drawn, and only their hash and MAC are kept. The link
// works in any browser, once; the code works in the asking browser, in five tries.
//
// Invariants, each with a test:
//   - A person row exists only after its owner proved the address, or an operator vouched for it.
//   - Link and code of one challenge let in once, whoever tries at once, on both engines. Looking at a
//     link changes nothing.
//   - Known and unknown addresses get the same answer, by the same statements, at the request and at
//     each wrong code.
//   - Never more than N hits of a rate rule in any stretch of its window. The buckets hold no address
//     and no network, only MACs of them.
//   - A session that is revoked, idle or over lets nobody in, within one second on every node.
//   - No token, code or address is in an audit event, a log line or an error.
//   - A return address leads to a path of this site or is dropped.
package identity
