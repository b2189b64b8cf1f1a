// SPDX-License-Identifier: AGPL-3.0-or-later

// Package enginetest holds the suite that every engine passes, and Fake, the engine
// with which other packages test. It never reaches the program.
package enginetest
