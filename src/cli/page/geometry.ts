/** Shapes as paths of SVG. Angles are shares of a turn, from the top, clockwise. */

export interface Point {
  readonly x: number
  readonly y: number
}

const fixed = (value: number): string => `${Number(value.toFixed(2)) + 0}`

/** The point at an angle on a circle around 0, 0. */
export const at = (angle: number, radius: number): Point => ({
  x: Math.sin(2 * Math.PI * angle) * radius,
  y: -Math.cos(2 * Math.PI * angle) * radius
})

const word = ({ x, y }: Point): string => `${fixed(x)} ${fixed(y)}`

/** A sector of a ring. A whole ring is two halves, because an arc cannot end where it begins. */
export const sector = (from: number, to: number, inner: number, outer: number): string => {
  if (to - from >= 1) return sector(from, from + 0.5, inner, outer) + sector(from + 0.5, from + 1, inner, outer)
  const large = to - from > 0.5 ? 1 : 0
  return `M${word(at(from, outer))}A${outer} ${outer} 0 ${large} 1 ${word(at(to, outer))}` +
    `L${word(at(to, inner))}A${inner} ${inner} 0 ${large} 0 ${word(at(from, inner))}Z`
}

/** A curve between two angles on a circle, through the inside. */
export const chord = (from: number, to: number, radius: number): string =>
  `M${word(at(from, radius))}Q0 0 ${word(at(to, radius))}`

export interface Range {
  readonly start: number
  readonly end: number
}

/** The angle in the middle of the longest of some ranges of slots. */
export const middleOf = (ranges: ReadonlyArray<Range>, slots: number): number => {
  let longest: Range = { start: 0, end: -1 }
  for (const range of ranges) if (range.end - range.start > longest.end - longest.start) longest = range
  return (longest.start + longest.end + 1) / 2 / slots
}

/** Moves angles apart until each has its room, and keeps their order. */
export const spread = (angles: ReadonlyArray<number>, room: number): ReadonlyArray<number> => {
  const gap = Math.min(room, 1 / Math.max(1, angles.length))
  const order = angles.map((angle, index) => ({ angle, index })).toSorted((a, b) => a.angle - b.angle)
  for (let pass = 0; pass < 50; pass++) {
    let moved = false
    for (let i = 0; i < order.length; i++) {
      const next = order[(i + 1) % order.length]
      if (next === order[i]) break
      const distance = next.angle - order[i].angle + (i + 1 === order.length ? 1 : 0)
      if (distance >= gap - 1e-6) continue
      const shift = (gap - distance) / 2
      order[i].angle -= shift
      next.angle += shift
      moved = true
    }
    if (!moved) break
  }
  const result = new Array<number>(angles.length)
  for (const { angle, index } of order) result[index] = angle
  return result
}

/** A line through values, and the area below it. Gaps stay gaps. */
export const sparkline = (
  values: ReadonlyArray<number | null>,
  { height, length, top, width }: {
    readonly width: number
    readonly height: number
    /** The number of values that fill the width. */
    readonly length: number
    /** The value at the upper edge. */
    readonly top: number
  }
): { readonly line: string; readonly area: string; readonly last: Point | undefined } => {
  const step = width / Math.max(1, length - 1)
  const left = width - (values.length - 1) * step
  const runs: Array<Array<Point>> = []
  let open = false
  for (const [i, value] of values.entries()) {
    if (value === null) {
      open = false
      continue
    }
    const point = { x: left + i * step, y: height - Math.min(1, top > 0 ? value / top : 0) * height }
    if (open) runs.at(-1)?.push(point)
    else runs.push([point])
    open = true
  }
  const path = (points: ReadonlyArray<Point>): string => `M${points.map(word).join("L")}`
  return {
    line: runs.map(path).join(""),
    area: runs.map((points) =>
      `${path(points)}L${fixed(points[points.length - 1].x)} ${height}L${fixed(points[0].x)} ${height}Z`
    ).join(""),
    last: open ? runs.at(-1)?.at(-1) : undefined
  }
}

/** The step of a scale of heat, from 0 for nothing to `steps - 1` for the hottest. Differences among small values are stretched. */
export const heatStep = (value: number, hottest: number, steps: number): number =>
  value <= 0 || hottest <= 0
    ? 0
    : Math.max(1, Math.min(steps - 1, Math.round(Math.sqrt(value / hottest) * (steps - 1))))
