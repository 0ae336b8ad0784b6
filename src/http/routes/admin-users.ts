import { z } from 'zod'
import { userForm } from '../../admin/users.ts'
import { noQuery, time } from '../forms.ts'
import { route } from '../route.ts'

const user = z.object({
  name: z.string(),
  role: z.string(),
  account: z.string().nullable(),
  created_at: time,
  changed_at: time,
})

export const userRoutes = [
  route({
    method: 'GET',
    path: '/admin/users',
    access: 'admin',
    summary: 'Those who sign in with a name and a password',
    query: noQuery,
    answer: z.object({ object: z.literal('list'), data: z.array(user) }),
    handle: ({ users }) => ({ object: 'list', data: users.list() }),
  }),
  route({
    method: 'GET',
    path: '/admin/users/{name}',
    access: 'admin',
    summary: 'One of them',
    answer: user,
    handle: ({ users }, { params }) => users.view(params['name'] ?? ''),
  }),
  route({
    method: 'PUT',
    path: '/admin/users/{name}',
    access: 'owner',
    summary: 'Makes a user, or gives one another password, role or account; their sessions end',
    body: userForm,
    answer: user,
    handle: ({ users }, { params, body, actor }) => users.set(params['name'] ?? '', body, actor),
  }),
  route({
    method: 'DELETE',
    path: '/admin/users/{name}',
    access: 'owner',
    summary: 'Removes a user, and ends their sessions',
    answer: user,
    handle: ({ users }, { params, actor }) => users.remove(params['name'] ?? '', actor),
  }),
]
