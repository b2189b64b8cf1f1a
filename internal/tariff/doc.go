// SPDX-License-Identifier: AGPL-3.0-or-later

// Package tariff is what a service level allows: the levels as versioned rows, the single limits
// replaced for a member (limit overrides), and the entitlement computed from them.
//
// It owns the tables level and limit_override, the file form of a level, the founding levels and the
// snapshot Entitlement. It does not own who has which level (facts of membership), nor decisions, nor
// money received, nor what is used now (admission).
//
// Invariants, each with a test:
//   - A version that is in force never changes; a new version takes its place on its day, and never
//     on a day that has passed.
//   - No version is put into force without a decision that the register knows.
//   - Entitlement is a function of rows and an instant; a snapshot says until when it holds, and every
//     change before that is told through membership.Changed and membership.TopicEntitlement.
package tariff
