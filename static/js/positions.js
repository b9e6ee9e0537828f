// The positions page: prices, values and gains move in place; rows come and go as the account changes.

import { keepFolds } from "./folds.js";
import { follow } from "./holdings.js";

keepFolds();
follow();
