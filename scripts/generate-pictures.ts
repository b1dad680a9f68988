/**
 * Writes docs/images: the pictures of the pages, as SVG for light and for dark backgrounds.
 *
 *   node scripts/generate-pictures.ts [--check]
 *
 * A picture is cards with a title and lines, and arrows between points: the life of a command is the text below, the parts of the
 * house are drawn from the imports. With `--check` nothing is written, and the exit code says whether the files are current.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { type Part, parts, uses } from "./house.ts"
import { dark, light } from "./palette.ts"

const target = new URL("../docs/images/", import.meta.url)

type Hue = "blue" | "violet" | "teal" | "orange" | "green" | "red" | "grey"

interface Card {
  readonly at: readonly [x: number, y: number, width: number, height: number]
  readonly hue: Hue
  readonly title: string
  /** Lines in backticks are code. */
  readonly lines?: ReadonlyArray<string>
  /** The lines are small, and stand close to the title. */
  readonly small?: boolean
  /** A card that holds others is a frame: its title is small, and it has no colour of its own. */
  readonly frame?: boolean
}

interface Arrow {
  readonly path: ReadonlyArray<readonly [x: number, y: number]>
  readonly hue: Hue
  readonly label?: string
  readonly labelAt?: readonly [x: number, y: number]
  readonly anchor?: "start" | "middle" | "end"
  readonly dashed?: boolean
  /** It leaves downwards and arrives from above. */
  readonly curved?: boolean
  /** Heads at both ends. */
  readonly both?: boolean
}

interface Picture {
  readonly name: string
  readonly title: string
  readonly size: readonly [width: number, height: number]
  readonly cards: ReadonlyArray<Card>
  readonly arrows: ReadonlyArray<Arrow>
}

// -----------------------------------------------------------------------------
// The pictures
// -----------------------------------------------------------------------------

const command: Picture = {
  name: "command",
  title: "The life of a command",
  size: [1000, 462],
  cards: [
    { at: [10, 10, 980, 190], hue: "grey", title: "one deadline, from call to reply", frame: true },
    {
      at: [30, 60, 190, 118],
      hue: "blue",
      title: "1  Command",
      lines: ["`redis.get(\"user:1\")`", "a value: name, keys,", "how to read the reply"]
    },
    {
      at: [280, 60, 190, 118],
      hue: "violet",
      title: "2  Router",
      lines: ["key → slot 10778", "slot → shard", "shard → its primary"]
    },
    {
      at: [530, 60, 190, 118],
      hue: "teal",
      title: "3  Connection",
      lines: ["one per node, shared", "one write per tick", "replies in order"]
    },
    { at: [780, 60, 190, 118], hue: "red", title: "4  Node", lines: ["answers,", "or refuses,", "or is silent"] },
    {
      at: [280, 262, 440, 190],
      hue: "orange",
      title: "Recovery decides",
      lines: [
        "MOVED, ASK → there, at once",
        "a replica cannot serve it → the next node of the shard",
        "NOSCRIPT → the script, and the command again",
        "CLUSTERDOWN, TRYAGAIN, LOADING → wait, look anew",
        "lost, but unwritten or repeatable → wait, look anew",
        "anything else → it is yours"
      ]
    },
    {
      at: [30, 298, 190, 118],
      hue: "grey",
      title: "Waiting room",
      lines: ["until the pause is over,", "or a new topology", "is there"]
    },
    { at: [780, 262, 190, 84], hue: "green", title: "Your fiber", lines: ["goes on with `\"ada\"`"] },
    { at: [780, 368, 190, 84], hue: "red", title: "One typed error", lines: ["with its outcome"] }
  ],
  arrows: [
    { path: [[220, 119], [280, 119]], hue: "blue" },
    { path: [[470, 119], [530, 119]], hue: "violet" },
    { path: [[720, 119], [780, 119]], hue: "teal", both: true },
    { path: [[580, 178], [580, 262]], hue: "orange", label: "failure", labelAt: [590, 240], anchor: "start" },
    {
      path: [[670, 178], [670, 230], [875, 230], [875, 262]],
      hue: "green",
      label: "reply, decoded",
      labelAt: [772, 222]
    },
    { path: [[720, 410], [780, 410]], hue: "red" },
    { path: [[280, 357], [220, 357]], hue: "orange" },
    {
      path: [[125, 298], [125, 230], [330, 230], [330, 178]],
      hue: "orange",
      dashed: true,
      label: "again",
      labelAt: [228, 222]
    },
    {
      path: [[420, 262], [420, 178]],
      hue: "orange",
      dashed: true,
      label: "at once",
      labelAt: [430, 240],
      anchor: "start"
    }
  ]
}

/** The colours of parts, by what they are about. */
const hueOf: Readonly<Record<string, Hue>> = {
  protocol: "red",
  connection: "teal",
  topology: "orange",
  routing: "violet",
  commands: "green",
  client: "blue",
  ClusterClient: "blue",
  pubsub: "blue",
  consumer: "blue",
  observability: "blue",
  scripting: "blue",
  Lock: "blue"
}

/** The parts of the house, each above all that it uses; arrows for uses that no other arrow implies. */
const drawHouse = (): Picture => {
  const used = uses()
  const shown = parts.filter(({ name }) => name !== "index")
  const storeys = new Map<Part, number>()
  const storeyOf = (part: Part): number => {
    const known = storeys.get(part)
    if (known !== undefined) return known
    const storey = Math.max(-1, ...Array.from(used.get(part) ?? [], storeyOf)) + 1
    storeys.set(part, storey)
    return storey
  }
  const top = Math.max(...shown.map(storeyOf))
  const [width, cardHeight, gap, margin] = [1000, 64, 30, 10]
  const boxes = new Map<Part, Card["at"]>()
  for (let storey = 0; storey <= top; storey++) {
    const row = shown.filter((part) => storeyOf(part) === storey)
    const cardWidth = Math.min(310, (width - 2 * margin - (row.length - 1) * 16) / row.length)
    const left = (width - row.length * cardWidth - (row.length - 1) * 16) / 2
    row.forEach((part, i) =>
      boxes.set(part, [
        Math.round(left + i * (cardWidth + 16)),
        margin + (top - storey) * (cardHeight + gap),
        Math.round(cardWidth),
        cardHeight
      ])
    )
  }
  const boxOf = (part: Part): Card["at"] => boxes.get(part) ?? [0, 0, 0, 0]
  /** Arrows of one card share its edge, in the order of the other ends. */
  const port = (part: Part, others: ReadonlyArray<Part>, other: Part): number => {
    const [x, , cardWidth] = boxOf(part)
    const order = others.toSorted((one, two) => boxOf(one)[0] - boxOf(two)[0])
    return Math.round(x + cardWidth * (order.indexOf(other) + 1) / (order.length + 1))
  }
  const users = (part: Part): ReadonlyArray<Part> => shown.filter((other) => used.get(other)?.has(part))
  return {
    name: "architecture",
    title: "The parts, and which part uses which",
    size: [width, 2 * margin + (top + 1) * cardHeight + top * gap],
    cards: shown.map((part) => ({
      at: boxOf(part),
      hue: hueOf[part.name] ?? "grey",
      title: part.name,
      lines: [part.about],
      small: true
    })),
    arrows: shown.flatMap((part) =>
      Array.from(used.get(part) ?? [], (other): Arrow => {
        const [, y, , height] = boxOf(part)
        const from = port(part, [...used.get(part) ?? []], other)
        const to = port(other, users(other), part)
        return { path: [[from, y + height], [to, boxOf(other)[1]]], hue: hueOf[part.name] ?? "grey", curved: true }
      })
    )
  }
}

const architecture = drawHouse()

// -----------------------------------------------------------------------------
// Drawing
// -----------------------------------------------------------------------------

interface Theme {
  readonly name: string
  readonly card: string
  readonly frame: string
  readonly border: string
  readonly text: string
  readonly muted: string
  readonly hues: Readonly<Record<Hue, string>>
}

const themes: ReadonlyArray<Theme> = [
  {
    name: "light",
    card: "#ffffff",
    frame: "#f6f8fa",
    ...light,
    hues: {
      blue: "#0969da",
      violet: "#8250df",
      teal: "#0b7d74",
      orange: "#bc4c00",
      green: "#1a7f37",
      red: "#cf222e",
      grey: "#818b98"
    }
  },
  {
    name: "dark",
    card: "#151b23",
    frame: "#0d1117",
    ...dark,
    hues: {
      blue: "#4493f8",
      violet: "#ab7df8",
      teal: "#39c5bb",
      orange: "#f0883e",
      green: "#3fb950",
      red: "#f85149",
      grey: "#818b98"
    }
  }
]

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const sans = "Inter, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
const mono = "ui-monospace, SFMono-Regular, Menlo, 'DejaVu Sans Mono', monospace"

/** Text with parts in backticks set as code. */
const rich = (text: string): string =>
  text.split("`").map((part, i) =>
    i % 2 === 0 ? escape(part) : `<tspan font-family="${mono}" font-size="12.5">${escape(part)}</tspan>`
  ).join("")

const card = (
  { at: [x, y, width, height], frame = false, hue, lines = [], small = false, title }: Card,
  theme: Theme
): string => {
  const colour = theme.hues[hue]
  if (frame) {
    return [
      `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="14" fill="${theme.frame}" stroke="${theme.border}" stroke-dasharray="5 5"/>`,
      `<text x="${x + 20}" y="${y + 30}" font-size="13.5" fill="${theme.muted}">${rich(title)}</text>`
    ].join("\n")
  }
  return [
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="10" fill="${theme.card}" stroke="${colour}" stroke-width="1.5"/>`,
    `<path d="M${x} ${y + 10}a10 10 0 0 1 10 -10h${width - 20}a10 10 0 0 1 10 10z" fill="${colour}"/>`,
    `<text x="${x + 16}" y="${y + 36}" font-size="15.5" font-weight="600" fill="${colour}">${rich(title)}</text>`,
    ...lines.map((line, i) =>
      `<text x="${x + 16}" y="${y + (small ? 54 : 60) + 21 * i}" font-size="${
        small ? 12 : 13.5
      }" fill="${theme.text}">${rich(line)}</text>`
    )
  ].join("\n")
}

const curve = ([[x1, y1], [x2, y2]]: Arrow["path"]): string => {
  const bend = Math.max(14, (y2 - y1) / 2)
  return `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`
}

/** A line with rounded corners. */
const route = (path: Arrow["path"]): string => {
  const [first, ...rest] = path
  let d = `M${first.join(" ")}`
  let previous = first
  rest.forEach((point, i) => {
    const next = rest[i + 1]
    if (next === undefined) d += `L${point.join(" ")}`
    else {
      const toward = (a: readonly [number, number], b: readonly [number, number]): string => {
        const length = Math.hypot(b[0] - a[0], b[1] - a[1])
        const step = Math.min(9, length / 2) / length
        return `${a[0] + (b[0] - a[0]) * step} ${a[1] + (b[1] - a[1]) * step}`
      }
      d += `L${toward(point, previous)}Q${point.join(" ")} ${toward(point, next)}`
    }
    previous = point
  })
  return d
}

const arrow = (
  { anchor = "middle", both = false, curved = false, dashed = false, hue, label, labelAt, path }: Arrow,
  theme: Theme
) =>
  [
    `<path d="${curved ? curve(path) : route(path)}" fill="none" stroke="${theme.hues[hue]}" stroke-width="1.8"${
      dashed ? ` stroke-dasharray="6 5"` : ""
    } marker-end="url(#${hue})"${both ? ` marker-start="url(#${hue})"` : ""}/>`,
    label === undefined || labelAt === undefined
      ? ""
      : `<text x="${labelAt[0]}" y="${labelAt[1]}" font-size="12.5" text-anchor="${anchor}" fill="${theme.muted}">${
        rich(label)
      }</text>`
  ].filter((part) => part !== "").join("\n")

const marker = ([hue, colour]: readonly [string, string]): string =>
  `<marker id="${hue}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 0.8L9.5 5L0 9.2z" fill="${colour}"/></marker>`

const draw = ({ arrows, cards, size: [width, height], title }: Picture, theme: Theme): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="${sans}" role="img" aria-label="${
    escape(title)
  }">
<!-- Written by scripts/generate-pictures.ts. -->
<title>${escape(title)}</title>
<defs>
${Object.entries(theme.hues).map(marker).join("\n")}
</defs>
${cards.filter(({ frame }) => frame).map((one) => card(one, theme)).join("\n")}
${arrows.map((one) => arrow(one, theme)).join("\n")}
${cards.filter(({ frame }) => !frame).map((one) => card(one, theme)).join("\n")}
</svg>
`

const check = process.argv.includes("--check")
if (!check) await mkdir(target, { recursive: true })
for (const picture of [command, architecture]) {
  for (const theme of themes) {
    const file = new URL(`${picture.name}-${theme.name}.svg`, target)
    const text = draw(picture, theme)
    if (!check) await writeFile(file, text)
    else if (await readFile(file, "utf8").catch(() => "") !== text) {
      console.error(`docs/images is not current (${picture.name}-${theme.name}.svg): npm run generate`)
      process.exitCode = 1
    }
  }
}
