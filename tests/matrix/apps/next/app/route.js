import { whoami } from '../../whoami.cjs'

export const dynamic = 'force-dynamic'

export async function GET(request) {
  return Response.json(await whoami(new URL(request.url).searchParams.get('ms')))
}
