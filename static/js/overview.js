// The overview: gains move with the prices, balances and holdings as the account changes.

import { follow } from "./holdings.js";

follow();
