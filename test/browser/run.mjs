// SPDX-License-Identifier: AGPL-3.0-or-later

// Runs every browser test, or those whose name holds the first argument.

import { main } from "./harness.mjs";
import "./people.mjs";
import "./meeting.mjs";
import "./limits.mjs";
import "./pages.mjs";
import "./connections.mjs";
import "./recordings.mjs";

await main();
