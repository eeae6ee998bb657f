// Runs before the first paint, so that a dark console never flashes white. The console itself keeps this value (Mantine).
(function () {
  var stored = null
  try {
    stored = localStorage.getItem('cloudkida.colour-scheme')
  } catch (e) {
    // Storage may be closed to us: the system's preference it is.
  }
  var dark = stored === 'dark' || (stored !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light')
})()
