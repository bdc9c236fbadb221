// A line on each stream, a message without a type, and the end.

console.log('to the output')
console.error('to the errors')
process.send({ plain: 'words' }, () => process.exit())
