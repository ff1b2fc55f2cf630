/** A row of the tables of routes in docs/api.md. */
export interface DocumentedRoute {
  /** `GET /api/v1/zones/{zoneId}` */
  readonly name: string;
  readonly permission: string;
}

export const documentedRoutes = (text: string): readonly DocumentedRoute[] =>
  Array.from(text.matchAll(/^\| `((?:GET|POST|PUT|DELETE|PATCH) [^`]+)` \| (\w+) \|/gm), ([, name = '', permission = '']) => ({
    name,
    permission,
  }));
