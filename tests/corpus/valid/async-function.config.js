module.exports = async () => {
  console.log('this is not part of it')
  const names = await Promise.resolve(['one', 'two'])
  return names.map((name) => ({ name, script: 'app.js', env: { NAME: name } }))
}
