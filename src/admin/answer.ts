/** What a request is answered with. A body in pieces is made while it is sent. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | AsyncIterable<string>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Makes the answer to GET; HEAD is the same without its body. It may look at the query of the request. */
export type Route = (query: URLSearchParams) => Answer | Promise<Answer>;
export type Routes = ReadonlyMap<string, Route>;

export const jsonType = 'application/json; charset=utf-8';

export function json(status: number, value: unknown): Answer {
  return { status, contentType: jsonType, body: `${JSON.stringify(value)}\n` };
}
