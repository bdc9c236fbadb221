import type { Apps } from 'rpm-native'

const port: number = 3000

export default { apps: [{ name: 'typed', script: 'app.js', port }] } satisfies Apps
