/** Colours of the terminal, which leave text as it is where no colours are wanted. */

const styles = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36
} as const

export type Style = keyof typeof styles

/** Gives a text its style. */
export type Paint = Readonly<Record<Style, (text: string) => string>>

const inStyle = (code: number) => (text: string): string => text === "" ? "" : `\u001B[${code}m${text}\u001B[0m`
const plain = (text: string): string => text

const all = (styled: (code: number) => (text: string) => string): Paint => ({
  bold: styled(styles.bold),
  dim: styled(styles.dim),
  red: styled(styles.red),
  green: styled(styles.green),
  yellow: styled(styles.yellow),
  blue: styled(styles.blue),
  magenta: styled(styles.magenta),
  cyan: styled(styles.cyan)
})

export const coloured: Paint = all(inStyle)

export const uncoloured: Paint = all(() => plain)

/** The styles by which parts of a whole are told apart, such as the shards of a cluster. */
export const distinct: ReadonlyArray<Style> = ["cyan", "green", "yellow", "magenta", "blue", "red"]
