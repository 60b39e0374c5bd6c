// Shows the document that the page names; nothing is asked of any other server.
const at = document.getElementById("swagger-ui");
window.ui = SwaggerUIBundle({
  url: at.dataset.document,
  domNode: at,
  deepLinking: true,
  validatorUrl: null,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});
