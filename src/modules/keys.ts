/** The keys of commands whose arguments are a key and two more in turns. */
import { byRules, type KeyFinder } from "../commands/keys.ts"

/** A key and two arguments take turns: `JSON.MSET`, `TS.MADD`. */
export const everyThird: KeyFinder = /* @__PURE__ */ byRules([{
  begin: { type: "index", index: 1 },
  find: { type: "range", last: -1, step: 3, limit: 0 }
}], 1)
