/** The flag `--json`. */
import * as Flag from "effect/cli/Flag"

export const jsonFlag: Flag.Flag<boolean> = Flag.Boolean("json").pipe(
  Flag.withDescription("Prints JSON, for programs"),
  Flag.withoutNegation,
  Flag.withDefault(false)
)
