import { type Answer, json, jsonType, type Route } from './answer.ts';
import { describeService } from './describe.ts';
import { explainFlow } from './explain.ts';
import type { ObjectSource } from './object-source.ts';
import { objectLists } from './objects.ts';
import { parseListQuery } from './query.ts';
import type { ErrorResponse } from './shapes.ts';

/** What `sluice get`, `describe` and `explain` ask for. Until `isApplied`, nothing is known: that is not the same as nothing. */
export function objectRoutes(source: ObjectSource, isApplied: () => boolean): readonly [string, Route][] {
  const lists = Object.entries(objectLists).map(([name, list]): [string, Route] => [
    `/get/${name}`,
    (parameters) => {
      const result = parseListQuery(parameters);
      if (result.kind === 'invalid') return badRequest(result.message);
      return { status: 200, contentType: jsonType, body: list(source, result.query) };
    },
  ]);
  const routes: [string, Route][] = [
    ...lists,
    ['/describe', (parameters) => describe(source, parameters)],
    ['/explain', (parameters) => explain(source, parameters)],
  ];
  return routes.map(([path, route]) => [path, (parameters) => (isApplied() ? route(parameters) : starting)]);
}

const starting = json(503, { error: 'starting' } satisfies ErrorResponse);

function describe(source: ObjectSource, parameters: URLSearchParams): Answer {
  const name = parameters.get('name');
  if (!name) return badRequest('name is missing');
  const response = describeService(source, parameters.get('namespace') ?? 'default', name);
  return response === undefined ? json(404, { error: 'not-found' } satisfies ErrorResponse) : json(200, response);
}

function explain(source: ObjectSource, parameters: URLSearchParams): Answer {
  const result = explainFlow(source, parameters);
  return result.kind === 'invalid' ? badRequest(result.message) : json(200, result.response);
}

/** The message never repeats what was asked. */
function badRequest(message: string): Answer {
  return json(400, { error: 'bad-request', message } satisfies ErrorResponse);
}
