import { describe, expect, it } from 'vitest'
import { addCondition, noteAnswer } from './conditions'

const base = 'http://localhost'

function read(path: string, tag: string) {
  noteAnswer(new Request(base + path), new Response(null, { headers: { ETag: tag } }))
}

function condition(path: string, method = 'PATCH', headers = {}, template = '/v1/members/{user}/status') {
  const request = new Request(base + path, { method, headers })
  addCondition(request, template)
  return request.headers.get('If-Match')
}

describe('conditions', () => {
  it('sends what was read at the address or above it', () => {
    read('/v1/members/a', '"1"')
    expect(condition('/v1/members/a')).toBe('"1"')
    expect(condition('/v1/members/a/status', 'PUT')).toBe('"1"')
    expect(condition('/v1/members/b')).toBe('*')
    expect(condition('/v1/members/a', 'PUT', { 'If-Match': '"own"' })).toBe('"own"')
    expect(condition('/v1/members/a', 'DELETE')).toBeNull()
  })

  it('forgets what a change made untrue, and what was refused', () => {
    for (const response of [new Response(), new Response(null, { status: 412 })]) {
      read('/v1/members/c', '"1"')
      noteAnswer(new Request(`${base}/v1/members/c/status`, { method: 'PUT' }), response)
      expect(condition('/v1/members/c')).toBe('*')
    }
    read('/v1/members/c', '"2"')
    noteAnswer(new Request(`${base}/v1/members/c`, { method: 'PUT' }), new Response(null, { status: 422 }))
    expect(condition('/v1/members/c')).toBe('"2"')
  })

  it('does not take a list for one of its items', () => {
    read('/v1/members', '"list"')
    expect(condition('/v1/members/z', 'PATCH', {}, '/v1/members/{user}')).toBe('*')
    expect(condition('/v1/members/z/status', 'PUT')).toBe('*')
  })

  it('does not take a page of a list for the whole', () => {
    read('/v1/groups?cursor=1', '"1"')
    expect(condition('/v1/groups', 'PUT')).toBe('*')
  })

  it('stays bounded', () => {
    for (let n = 0; n < 600; n++) read(`/v1/labs/${n}`, `"${n}"`)
    expect(condition('/v1/labs/0')).toBe('*')
    expect(condition('/v1/labs/599')).toBe('"599"')
  })
})
