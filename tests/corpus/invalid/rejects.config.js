module.exports = async () => {
  throw new TypeError('no configuration today')
}
