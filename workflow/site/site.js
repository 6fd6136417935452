// Makes what is too wide for the window fit: tables become closer, then cards; equations smaller.
(() => {
  const wider = (node, box) => node.getBoundingClientRect().width > box.clientWidth + 1;

  function named(table) { // each cell gets the names of its column, for cards
    const columns = [];
    for (const row of table.tHead ? table.tHead.rows : []) {
      let place = 0;
      for (const cell of row.cells) {
        for (let k = 0; k < cell.colSpan; k++, place++) {
          columns[place] = [...(columns[place] || []), cell.innerText.trim()];
        }
      }
    }
    for (const row of table.querySelectorAll("tbody tr")) {
      const first = columns.length - row.cells.length; // left ones may span rows above
      [...row.cells].forEach((cell, i) => {
        const words = (columns[first + i] || []).filter(Boolean);
        cell.dataset.label = [...new Set(words)].join(" · ");
      });
    }
  }

  function fit() {
    for (const table of document.querySelectorAll("article table")) {
      const box = table.parentElement;
      table.classList.remove("close", "cards");
      if (wider(table, box)) table.classList.add("close");
      if (wider(table, box)) {
        if (!table.dataset.named) named(table);
        table.dataset.named = "yes";
        table.classList.add("cards");
      }
    }
    for (const formula of document.querySelectorAll("mjx-container")) {
      formula.style.fontSize = "";
      const box = formula.closest("p, li, td, div.math, article");
      const inner = formula.querySelector("mjx-math") || formula;
      const share = box.clientWidth / inner.getBoundingClientRect().width;
      if (share < 1) formula.style.fontSize = `${Math.floor(98 * share)}%`;
    }
  }

  let waiting;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(fit, 100); });
  addEventListener("load", () => {
    fit();
    const mathjax = window.MathJax && window.MathJax.startup;
    if (mathjax && mathjax.promise) mathjax.promise.then(fit);
  });
})();
