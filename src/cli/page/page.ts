/** The page: takes the events of the server, and draws no more than once in a frame. */
import type { EventLine } from "../sampler/EventLine.ts"
import { Cluster } from "./Cluster.ts"
import { HeatMap } from "./HeatMap.ts"
import { Nodes } from "./Nodes.ts"
import { drawCommands, drawLost, drawState, Log, Totals } from "./Panels.ts"
import { Ring } from "./Ring.ts"
import type { Hello, Tick } from "./wire.ts"

class Page {
  private readonly ring = new Ring()
  private readonly nodes = new Nodes()
  private readonly heat = new HeatMap()
  private readonly totals = new Totals()
  private readonly log = new Log()
  private cluster: Cluster | undefined = undefined
  private frame: number | undefined = undefined

  /** Everything begins again when the page has found its server again. */
  hello(hello: Hello): void {
    this.cluster = new Cluster(hello)
    this.log.add(hello.lines)
    this.draw()
  }

  tick(tick: Tick): void {
    this.cluster?.observe(tick, performance.now())
    this.draw()
  }

  line(line: EventLine): void {
    this.log.add([line])
  }

  private draw(): void {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined
      const { cluster } = this
      if (cluster === undefined) return
      drawState(cluster)
      this.totals.draw(cluster)
      this.ring.draw(cluster, performance.now())
      this.nodes.draw(cluster)
      this.heat.draw(cluster)
      drawCommands(cluster)
    })
  }
}

const page = new Page()
const source = new EventSource("events")
source.addEventListener("hello", ({ data }: MessageEvent<string>) => page.hello(JSON.parse(data)))
source.addEventListener("tick", ({ data }: MessageEvent<string>) => page.tick(JSON.parse(data)))
source.addEventListener("line", ({ data }: MessageEvent<string>) => page.line(JSON.parse(data)))
source.addEventListener("error", drawLost)
