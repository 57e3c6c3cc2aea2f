// What the bench looks at in the page: when pictures arrive and are painted, when the user acts, when the profile changes.
(() => {
  const log = window.bench = {mails: [], acks: [], acts: [], profiles: [], received: 0, ready: false}
  window.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args)
      this.addEventListener("message", ({data}) => { log.received += data.byteLength ?? data.size ?? data.length })
    }
  }
  for (const name of ["keydown", "wheel", "pointermove"])
    window.addEventListener(name, () => log.acts.push([performance.now(), name]), {capture: true, passive: true})
  const on = (model, act) => { act(); model.properties.data.change.connect(act) }
  const watchMail = (mail) => on(mail, () => {
    const {seq, kind, payload, place} = mail.data
    log.mails.push({at: performance.now(), seq: seq[0], kind: kind[0], bytes: payload[0].byteLength, place: place[0].join()})
  })
  const watchAck = (ack) => on(ack, () => log.acks.push({at: performance.now(), seq: ack.data.seq[0]}))
  const watchProfile = (source) => on(source, () => {
    const text = Array.from(source.data.y).join()
    if (text !== log.profile) requestAnimationFrame(() => requestAnimationFrame(() => log.profiles.push(performance.now())))
    log.profile = text
  })
  const install = () => {
    const doc = (window.Bokeh?.documents ?? []).find((one) => one.roots().length > 0)
    const models = doc ? [...doc._all_models.values()] : []
    const sources = models.filter((one) => one.type === "ColumnDataSource")
    const mail = sources.find((one) => one.data.kind), ack = sources.find((one) => one.data.ms)
    if (!mail || !ack) return
    clearInterval(timer)
    log.picture = models.find((one) => one.type === "Figure" && one.right.some((side) => side.type === "ColorBar"))
    log.box = log.picture?.center.find((one) => one.type === "BoxAnnotation")
    watchMail(mail)
    watchAck(ack)
    const step = models.find((one) => one.type === "GlyphRenderer" && one.glyph.type === "Step")
    if (step) watchProfile(step.data_source)
    log.ready = true
  }
  const timer = setInterval(install, 5)
})()
