import { request } from 'node:http'

export interface Answer { status: number; body: any; headers: Record<string, unknown> }

export interface CallOptions {
  body?: unknown
  raw?: string
  headers?: Record<string, string>
}

/** One request, as a client of its own makes it. */
export function callAt(url: string, method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  const { hostname, port } = new URL(url)
  const text = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body))
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers: { ...(text !== undefined && { 'content-type': 'application/json' }), ...options.headers } }, (answer) => {
      let body = ''
      answer.setEncoding('utf8').on('data', (chunk: string) => { body += chunk }).on('end', () => {
        const isJson = String(answer.headers['content-type']).includes('json')
        resolve({ status: answer.statusCode ?? 0, body: isJson ? JSON.parse(body) : body, headers: answer.headers })
      })
    })
    sent.on('error', reject)
    sent.end(text)
  })
}
