/* Start. */

import { claim } from "./claim.js";
import { warnOfExposure } from "./dialogs.js";
import { startDrawers } from "./drawers.js";
import { startKeys } from "./keys.js";
import { Page } from "./page.js";
import { startTheme } from "./theme.js";
import { translate } from "./words.js";

startTheme();
translate(document.documentElement);
warnOfExposure();
startDrawers();
const page = new Page(await claim());
startKeys(page);
page.start();
