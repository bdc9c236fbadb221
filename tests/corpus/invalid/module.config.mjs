import apps from 'no-such-package'
export default apps
