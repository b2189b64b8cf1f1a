// SPDX-License-Identifier: AGPL-3.0-or-later

// What scripts add to pages that work without them. Every part waits for its own mark in the page.
import { busyForms } from "./busy";
import { copyButtons } from "./copy";
import { dialogs } from "./dialog";
import { liveLists } from "./live";
import { menus } from "./menu";
import { picks } from "./pick";
import { signUp } from "./signup";
import { focusAfterSwap } from "./swap";
import { submitOnChange } from "./change";

busyForms();
copyButtons();
dialogs();
menus();
picks();
submitOnChange();
focusAfterSwap();
liveLists();
signUp();
