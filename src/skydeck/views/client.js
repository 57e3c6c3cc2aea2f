// What only the browser knows or can do: keys, the preferred theme, a lost connection, the clipboard. No imports, no network.

const SILENT_MS = 20000 // a server that hasn't answered a heartbeat for so long is gone
const BEAT_MS = 5000

function wants(event) {
  const target = event.composedPath()[0]
  if (event.ctrlKey || event.metaKey || event.altKey) return false
  return !(target instanceof HTMLElement) || !/^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) || target.type === "range"
}

async function waitForServer(banner) {
  banner.hidden = false
  for (let pause = 500; ; pause = Math.min(pause * 1.5, 5000)) {
    await new Promise((resolve) => setTimeout(resolve, pause))
    try {
      const answer = await fetch(window.location.href, {cache: "no-store"})
      if (answer.ok) return window.location.reload()
    } catch {
      // still away
    }
  }
}

function watchConnection(model) {
  const banner = document.getElementById("sd-lost") ?? {}
  let heard = Date.now()
  let lost = false
  const lose = () => {
    if (!lost) { lost = true; waitForServer(banner) }
  }
  model.on("beat_back", () => { heard = Date.now() })
  let woken = Date.now()
  const timer = setInterval(() => {
    const now = Date.now()
    if (now - woken > 4 * BEAT_MS) heard = now - SILENT_MS + BEAT_MS // slept: ask once more before giving up
    woken = now
    if (now - heard > SILENT_MS) lose()
    if (!lost) model.beat = now
  }, BEAT_MS)
  const doc = Bokeh.documents.find((d) => d.roots().length > 0)
  if (doc) doc.on_event("connection_lost", lose)
  window.addEventListener("beforeunload", () => { lost = true; clearInterval(timer) })
}

export function render({model, el}) {
  const root = document.documentElement
  const preferred = window.matchMedia("(prefers-color-scheme: dark)")
  const asked = new URLSearchParams(window.location.search).get("theme")
  const dress = () => { root.dataset.theme = model.theme }
  model.on("theme", dress)
  model.theme = asked === "dark" || asked === "light" ? asked : preferred.matches ? "dark" : "light"
  dress()
  let pressed = 0
  window.addEventListener("keydown", (event) => {
    if (!wants(event) || event.key.length > 10) return
    if ([" ", "ArrowUp", "ArrowDown", "Home"].includes(event.key)) event.preventDefault()
    model.key = `${++pressed}:${event.key}`
  })
  model.on("copy", async () => {
    const text = window.location.href
    try {
      await navigator.clipboard.writeText(text)
    } catch {
      const box = document.createElement("textarea")
      box.value = text
      document.body.append(box)
      box.select()
      document.execCommand("copy")
      box.remove()
    }
  })
  model.on("file", () => {
    if (!model.file || model.file.byteLength === 0) return
    const link = document.createElement("a")
    link.href = URL.createObjectURL(new Blob([model.file]))
    link.download = model.file_name
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 60000)
  })
  watchConnection(model)
  el.hidden = true
}
