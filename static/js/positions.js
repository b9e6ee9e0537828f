// The positions page: prices, values and gains move in place; rows come and go as the account changes.

import { follow } from "./holdings.js";

follow();
