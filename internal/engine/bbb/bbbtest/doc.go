// SPDX-License-Identifier: AGPL-3.0-or-later

// Package bbbtest is a BigBlueButton server for tests: the HTTP API of one server with its state, and people who connect
// when the test says so. It invents its people and meetings and is never part of the released program.
//
// It follows what BigBlueButton's own sources do (bigbluebutton/bigbluebutton: ApiController, the validators of bbb-common-web, the
// freemarker templates of the replies), not what our gateway expects: checks come in the same order, replies have the same elements
// in the same order, and oddities of the original are kept. It shares no code with the gateway, so that a mistake in reading the
// contract is not made twice.
//
// It serves create, join, end, isMeetingRunning, getMeetingInfo, getMeetings, getSessions and the root call.
//
// Owned here: the checksum over the raw query, parameters and their validators, meetings and their life, people registered by
// join and those really connected. A join alone is no participant: somebody counts once they are connected.
package bbbtest
