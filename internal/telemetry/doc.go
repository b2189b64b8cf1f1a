// SPDX-License-Identifier: AGPL-3.0-or-later

// Package telemetry tells operators how the program does: the logger, the metrics and the small
// server on the ops address with /metrics, /healthz, /readyz and profiles.
//
// It owns: the form of log lines, the registry and the metrics of HTTP requests.
// It does not own: what is worth a line or a metric; each package names its own.
//
// Invariants: labels are bounded; nothing that names a person is a label.
package telemetry
