// Compiled, never run: the same package as CommonJS sees it.

import rpm = require('rpm-native')

const supervisor = new rpm.Supervisor()
void supervisor.start('a.js').then((processes: rpm.ProcessInfo[]) => rpm.delete(processes[0]?.id ?? 0))
