// SPDX-License-Identifier: AGPL-3.0-or-later

// The full accessibility matrix: `make a11y`.

process.env.MEETCOOP_TEST_A11Y = "full";
const { main } = await import("./harness.mjs");
await import("./pages.mjs");
await import("./meeting.mjs");
process.argv[2] = "accessibility";
await main("a11y");
