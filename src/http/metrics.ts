import type { Gauge } from 'prom-client'
import type { Hive } from '../hive.ts'

export interface Metrics {
  readonly contentType: string
  /** The Prometheus text format. */
  read(): Promise<string>
}

/** The metrics of a node for Prometheus: those of the process, and every figure of `hive.metrics()`. */
export async function createMetrics(hive: Hive): Promise<Metrics> {
  const prometheus = (await import('prom-client')).default
  const registry = new prometheus.Registry()
  registry.setDefaultLabels({ node: hive.node.id })
  prometheus.collectDefaultMetrics({ register: registry })
  const gauges = new Map<string, Gauge>()
  return {
    contentType: registry.contentType,
    async read() {
      for (const [figure, value] of Object.entries(await hive.metrics())) {
        const gauge = gauges.get(figure) ?? new prometheus.Gauge({ name: metricName(figure), help: figure, registers: [registry] })
        gauges.set(figure, gauge)
        gauge.set(value)
      }
      return registry.metrics()
    },
  }
}

function metricName(figure: string): string {
  return `hivemind_${figure.replace(/([a-z])([A-Z])/g, '$1_$2').replace(/[^A-Za-z0-9]+/g, '_').toLowerCase()}`
}
