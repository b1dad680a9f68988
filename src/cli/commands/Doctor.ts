/** `doctor`: finds out what is wrong with a cluster, or with the way to it, and says what to do. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Connecting from "../connecting/Connecting.ts"
import { type Feature, features } from "../doctor/facts/Facts.ts"
import { gather } from "../doctor/Gather.ts"
import * as Report from "../doctor/Report.ts"
import { ExitCode, verdict } from "../output/Failure.ts"
import { jsonFlag } from "../output/jsonFlag.ts"
import { Screen } from "../output/Screen.ts"

const isFeature = (name: string): name is Feature => features.some((feature) => feature === name)

const featuresOf = (text: string): ReadonlyArray<Feature> | undefined => {
  const names = text.split(",").map((name) => name.trim()).filter((name) => name !== "")
  if (names.includes("all")) return features
  return names.every(isFeature) ? names.filter(isFeature) : undefined
}

const featuresFlag = Flag.String("features").pipe(
  Flag.withMetavar("names"),
  Flag.withDescription(`The parts of the client that the program uses, with commas: all, ${features.join(", ")}`),
  Flag.withDefault("commands"),
  Flag.filterMap(
    (text) => Option.fromUndefinedOr(featuresOf(text)),
    () => `Expected names of ${features.join(", ")}, with commas, or all`
  )
)

const sampleFlag = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar("name"), Flag.withDescription(description), Flag.withDefault(""))

const exitCodes = {
  sound: ExitCode.done,
  problems: ExitCode.problem,
  unreachable: ExitCode.impossible
} as const

export const doctor = Command.make(
  "doctor",
  {
    connecting: Connecting.withUrls,
    features: featuresFlag,
    sampleKey: sampleFlag("sample-key", "A key of the program, with which its rights are judged"),
    sampleChannel: sampleFlag("sample-channel", "A channel of the program, with which its rights are judged"),
    strict: Flag.Boolean("strict").pipe(
      Flag.withDescription("Ends with the code 1 for warnings, too"),
      Flag.withoutNegation,
      Flag.withDefault(false)
    ),
    json: jsonFlag
  },
  Effect.fnUntraced(function*({ connecting, features, json, sampleChannel, sampleKey, strict }) {
    const screen = yield* Screen
    const options = yield* Connecting.options(connecting)
    const facts = yield* gather({ options, features, samples: { key: sampleKey, channel: sampleChannel } })
    const report = Report.judge(facts, strict)
    if (json) yield* screen.printJson(Report.jsonOf(report, facts))
    else yield* screen.print(Report.textOf(report, screen.paint).join("\n"))
    const code = exitCodes[report.verdict]
    if (code !== ExitCode.done) return yield* verdict(code)
  })
).pipe(
  Command.withDescription(
    "Finds out what is wrong with a cluster, or with the way to it, and says what to do. It only reads, and asks little"
  ),
  Command.withExamples([
    { command: "effect-redis-cluster doctor localhost:7000", description: "Is all well?" },
    {
      command: "effect-redis-cluster doctor --features pubsub,caching --username app rediss://cache.example.com:6379",
      description: "Are the rights and the settings right for this program?"
    },
    { command: "effect-redis-cluster doctor --json --strict", description: "For a job that watches the cluster" }
  ])
)
