import type { Context } from 'koa'
import type { z } from 'zod'
import type { Actor } from '../domain/actor.ts'
import type { StaffRole } from '../domain/role.ts'
import type { Site } from './site.ts'

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/**
 * Who may take a route: everybody; everybody who is known by a credential; users, whose account it is about; or the
 * staff, from this role on.
 */
export type Access = 'public' | 'known' | 'user' | StaffRole

/** A request that was let in, and read. */
export type Call<Query = unknown, Body = unknown> = Readonly<{
  /** On a public route: whoever it is, under a record that allows nothing. */
  actor: Actor
  params: Readonly<Record<string, string>>
  query: Query
  body: Body
  /** For what is not JSON: headers in, headers out, a body of another type. */
  ctx: Context
}>

/**
 * A way in. The router, the authorisation, the OpenAPI document, the page at /docs and the tests of all routes are made
 * of this: a new one is an entry in a list of `routes/`, and nothing else.
 */
export type Route = Readonly<{
  method: Method
  /** `/admin/accounts/{account}`; a parameter with a star, `{model*}`, takes slashes, too. */
  path: string
  access: Access
  /** Where the credential may stand besides the headers: a name in the query. */
  credentialIn?: string
  /** A line for the documentation. */
  summary: string
  /** More, where a line is not enough. */
  description?: string
  /** The form of the parameters in the path, where they have one. */
  params?: z.ZodObject
  /** The form of the query, whose values are text; without one there is none to give. */
  query?: z.ZodObject
  /** The form of the JSON body; without one, none is read. */
  body?: z.ZodType
  /** The form of the answer. */
  answer: z.ZodType
  /** What the answer is, where it is text, and not plain. */
  type?: string
  /** What it is for those who ask for another form of it, as text. */
  alsoAs?: string
  /** Of the answer; 200 where it is left out. */
  status?: 200 | 201 | 202
  /** A list or a look-up: refused first when the process is overloaded. */
  canWait?: true
  /** Repeats under an idempotency key are known by the books, also after a restart; not by the router. */
  repeats?: 'books'
  /** Answers by itself, over Node's response: it is authorised by what it calls. */
  isRaw?: true
  /** Returns the body of the answer; nothing when it was set on the context. */
  handle: (site: Site, call: Call) => unknown
}>

type Typed<Query extends z.ZodObject, Body extends z.ZodType> = Omit<
  Route,
  'query' | 'body' | 'handle'
> &
  Readonly<{
    query?: Query
    body?: Body
    handle: (site: Site, call: Call<z.output<Query>, z.output<Body>>) => unknown
  }>

/** A route whose handler gets what its schemas give. */
export const route = <Query extends z.ZodObject, Body extends z.ZodType>(
  typed: Typed<Query, Body>,
): Route => typed as Route // the router calls it with what these very schemas read
