"""Pointing at a trial lights it up in every picture of a study's page."""

SCRIPT = """
(() => {
  let lit = null;
  const light = (trial) => {
    if (trial === lit) return;
    lit = trial;
    document.querySelectorAll(".on").forEach((mark) => mark.classList.remove("on"));
    document.body.classList.toggle("lit", trial !== null);
    if (trial !== null)
      document.querySelectorAll(`[data-trial="${trial}"]`).forEach((m) => m.classList.add("on"));
  };
  const trialOf = (event) => event.target.closest("[data-trial]")?.dataset.trial ?? null;
  document.addEventListener("mouseover", (event) => light(trialOf(event)));
  document.addEventListener("click", (event) => light(trialOf(event)));
})();
"""
