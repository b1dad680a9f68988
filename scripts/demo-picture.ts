/**
 * Draws the failover of the demo, as its output reports it: docs/images/failover-light.svg and failover-dark.svg.
 *
 *     npm run demo | node scripts/demo-picture.ts
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { text as read } from "node:stream/consumers"
import { dark, light } from "./palette.ts"

interface Theme {
  readonly name: string
  readonly paper: string
  readonly border: string
  readonly text: string
  readonly muted: string
  readonly bar: string
  readonly bad: string
  readonly good: string
}

const themes: ReadonlyArray<Theme> = [
  {
    name: "light",
    paper: "#ffffff",
    ...light,
    bar: "#54aeff",
    bad: "#cf222e",
    good: "#1a7f37"
  },
  {
    name: "dark",
    paper: "#0d1117",
    ...dark,
    bar: "#388bfd",
    bad: "#f85149",
    good: "#3fb950"
  }
]

/** The failover, read from the output of the demo. */
interface Failover {
  /** The answers of each shard in tenths of a second, from 0 to 8. */
  readonly shards: ReadonlyArray<{ readonly levels: ReadonlyArray<number>; readonly silence: string }>
  /** The seconds from the kill to the promotion of the replica, and to the first answer. */
  readonly promoted: number
  readonly answered: number
  readonly promotedText: string
  readonly answeredText: string
  readonly facts: ReadonlyArray<string>
}

const levels = "·▁▂▃▄▅▆▇█"

const secondsOf = (value: string, unit: string): number => unit === "s" ? Number(value) : Number(value) / 1000

const parse = (output: string): Failover => {
  const [, section = ""] = output.split("Killing a primary under load")
  const timeOf = (what: string) => {
    const found = new RegExp(`^ *([\\d.]+) (m?s) +${what}`, "m").exec(section)
    if (found === null) throw new Error(`The output of the demo has no line "${what}": was the server killed?`)
    return { seconds: secondsOf(found[1], found[2]), text: `${found[1]} ${found[2]}` }
  }
  const promoted = timeOf("its replica")
  const answered = timeOf("the shard's first answer")
  const shards = Array.from(section.matchAll(/^ *shard \d ([·▁-█]+) longest silence (.+)$/gm), ([, line, silence]) => ({
    levels: Array.from(line, (character) => levels.indexOf(character)),
    silence
  }))
  const facts = Array.from(section.matchAll(/^ *✓ (.+)$/gm), ([, fact]) => fact)
  const row = /^ *│ +([\d,]+) │ +[\d,]+ │ +([\d,]+) │/m.exec(section)
  return {
    shards,
    promoted: promoted.seconds,
    answered: answered.seconds,
    promotedText: promoted.text,
    answeredText: answered.text,
    facts: [
      ...row === null ? [] : [`${row[1]} commands of ${shards.length * 24} callers, ${row[2]} failures`],
      ...facts.filter((fact) => fact.startsWith("INCR:"))
    ]
  }
}

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

const sans = "Inter, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"

const draw = ({ answered, answeredText, facts, promoted, promotedText, shards }: Failover, theme: Theme): string => {
  const [width, left, right, top, row] = [840, 186, 30, 100, 62]
  const count = Math.max(...shards.map(({ levels }) => levels.length))
  const step = (width - left - right) / count
  const bottom = top + shards.length * row
  const height = bottom + 30 + facts.length * 24 + 14
  // The shard without its primary is the one with the longest run without answers, which begins with the kill.
  const runs = shards.map(({ levels }) => /0{5,}/.exec(levels.join(""))?.index ?? -1)
  const victim = runs.findIndex((start) => start >= 0)
  const at = (seconds: number): number => left + (runs[victim] + seconds * 10) * step
  const label = (x: number, y: number, text: string, colour: string, anchor: string) =>
    `<text x="${x.toFixed(1)}" y="${y}" font-size="15" fill="${colour}" text-anchor="${anchor}">${escape(text)}</text>`
  const mark = (seconds: number, y: number, text: string, colour: string, anchor: string) =>
    [
      `<path d="M${at(seconds).toFixed(1)} ${
        y + 6
      }V${bottom}" stroke="${colour}" stroke-width="1.5" stroke-dasharray="3 3"/>`,
      label(anchor === "start" ? Math.min(at(seconds) - 3, width - 154) : at(seconds) + 3, y, text, colour, anchor)
    ].join("\n")
  const bars = shards.flatMap(({ levels, silence }, shard) => {
    const base = top + (shard + 1) * row - 14
    return [
      label(24, base - 19, `shard ${shard + 1}`, theme.text, "start"),
      label(24, base, `longest pause ${silence}`, shard === victim ? theme.bad : theme.muted, "start"),
      ...levels.map((level, i) => {
        const barHeight = level === 0 ? 1.5 : level * 5
        return `<rect x="${(left + i * step + 1).toFixed(1)}" y="${base - barHeight}" width="${
          (step - 2).toFixed(1)
        }" ` +
          `height="${barHeight}" rx="1" fill="${level === 0 ? theme.bad : theme.bar}"/>`
      })
    ]
  })
  const title = "A primary is killed under load: the answers of each shard in tenths of a second"
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="${sans}" role="img" aria-label="${title}">
<!-- Written by scripts/demo-picture.ts, from the output of npm run demo. -->
<title>${title}</title>
<rect x="0.5" y="0.5" width="${width - 1}" height="${
    height - 1
  }" rx="10" fill="${theme.paper}" stroke="${theme.border}"/>
<text x="24" y="34" font-size="17" font-weight="600" fill="${theme.text}">${title}</text>
${mark(0, 64, "SIGKILL to the primary", theme.bad, "start")}
${mark(promoted, 64, `replica takes over, ${promotedText}`, theme.muted, "end")}
${mark(answered, 84, `first answer, ${answeredText}`, theme.good, "start")}
${bars.join("\n")}
${facts.map((fact, i) => label(24, bottom + 30 + i * 24, `✓ ${fact}`, theme.good, "start")).join("\n")}
</svg>
`
}

const failover = parse(await read(process.stdin))
const target = new URL("../docs/images/", import.meta.url)
mkdirSync(target, { recursive: true })
for (const theme of themes) writeFileSync(new URL(`failover-${theme.name}.svg`, target), draw(failover, theme))
