import * as rpm from './index.js'

export * from './index.js'
export default rpm
