// SPDX-License-Identifier: AGPL-3.0-or-later

// Package app is the only place that knows everything: it reads the settings, builds stores, services, engines and
// faces, connects what may not know each other, starts them in order and stops them in the opposite one.
//
// It holds no rule of the cooperative. What it does decide: which command runs, what is refused before anything
// starts, what an empty database is given, and what a demo contains.
package app
